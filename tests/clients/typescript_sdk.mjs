// Lets one of the MCP TypeScript SDKs do one thing, and prints what came of it as JSON. Which SDK, what, and with what stand as JSON
// in the last argument. It is run from standard input, with the folder of node_modules as the current one: that is where Node then
// looks for the SDKs.

const loaders = {
  1: async () => ({
    ...(await import("@modelcontextprotocol/sdk/client/auth.js")),
    ...(await import("@modelcontextprotocol/sdk/client/index.js")),
    ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
  }),
  2: () => import("@modelcontextprotocol/client"),
};

const steps = {
  discover: (sdk, { issuer }) => sdk.discoverAuthorizationServerMetadata(issuer),

  // Registers every document, all at once: what the SDK made of each answer, or its error.
  async register(sdk, { issuer, documents }) {
    const metadata = await sdk.discoverAuthorizationServerMetadata(issuer);
    const one = (clientMetadata) => sdk.registerClient(issuer, { metadata, clientMetadata }).catch((error) => told(error));
    return Promise.all(documents.map(one));
  },

  // Connects to an MCP server, which needs authorization; ends where a person would have to consent.
  async connect(sdk, { resource, document }) {
    const provider = new Person(document);
    const client = new sdk.Client({ name: "test", version: "1" });
    const transport = new sdk.StreamableHTTPClientTransport(new URL(resource), { authProvider: provider });
    const error = await client.connect(transport).then(() => undefined, told);
    await client.close();
    return { page: provider.page, client: provider.client, method: provider.method(sdk), error };
  },
};

// Who runs the client: keeps its credentials, and looks at the authorization page without going on.
class Person {
  constructor(document) {
    this.clientMetadata = document;
    this.redirectUrl = document.redirect_uris[0];
  }
  clientInformation() {
    return this.client;
  }
  saveClientInformation(client) {
    this.client = client;
  }
  tokens() {
    return undefined;
  }
  saveTokens() {
    throw new Error("no flow gets that far");
  }
  codeVerifier() {
    return this.verifier;
  }
  saveCodeVerifier(verifier) {
    this.verifier = verifier;
  }
  saveDiscoveryState(state) {
    this.discovered = state;
  }
  discoveryState() {
    return this.discovered;
  }
  redirectToAuthorization(url) {
    this.page = String(url);
  }
  // How the client would authenticate at the token endpoint.
  method(sdk) {
    const supported = this.discovered?.authorizationServerMetadata?.token_endpoint_auth_methods_supported ?? [];
    return this.client && sdk.selectClientAuthMethod(this.client, supported);
  }
}

function told(error) {
  return { error: error.constructor.name, message: error.message, status: error.status, body: error.body };
}

const { version, step, ...given } = JSON.parse(process.argv.at(-1));
console.log(JSON.stringify(await steps[step](await loaders[version](), given)));
