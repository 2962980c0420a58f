// What an authorization server in Node asks the registrar, through the registrar's private app. Nothing but fetch is needed.

const NO_CLIENT = [404, 410]; // there never was one; it is deleted or expired

export class Clients {
  #base;
  #headers;

  /**
   * @param {string} origin of the private app: http://127.0.0.1:8001
   * @param {string} token of the kind authorization_server: registrar token create authorization_server
   */
  constructor(origin, token) {
    this.#base = `${origin}/as/v1/clients/`;
    this.#headers = { Authorization: `Bearer ${token}` };
  }

  /** The client's metadata (RFC 7591 §2) with its client_id; null for a client that may not be used. */
  async find(clientId) {
    const response = await fetch(this.#base + encodeURIComponent(clientId), { headers: this.#headers });
    if (NO_CLIENT.includes(response.status)) return null;
    const client = await answered(response);
    return client.status === "active" ? { ...client.metadata, client_id: client.client_id } : null;
  }

  /** Whether this is the client's secret. */
  async authenticate(clientId, secret) {
    return (await this.#ask(clientId, "authenticate", { client_secret: secret })).authenticated;
  }

  /** Whether this is one of the client's redirect URIs: the same string, or on loopback the same but for the port. */
  async allowsRedirect(clientId, uri) {
    return (await this.#ask(clientId, "redirect", { redirect_uri: uri })).allowed;
  }

  /** Tell the registrar that the client was used: one that nobody uses expires, if the policy says so. */
  async seen(clientId) {
    const response = await fetch(`${this.#base}${encodeURIComponent(clientId)}/seen`, { method: "POST", headers: this.#headers });
    if (!response.ok && !NO_CLIENT.includes(response.status)) await answered(response);
  }

  async #ask(clientId, question, body) {
    const response = await fetch(`${this.#base}${encodeURIComponent(clientId)}/${question}`, {
      method: "POST",
      headers: { ...this.#headers, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return answered(response);
  }
}

async function answered(response) {
  if (!response.ok) throw new Error(`the registrar answers ${response.status}: ${await response.text()}`);
  return response.json();
}
