// The MCP TypeScript SDK's registration handler on express, as its documentation mounts it, clients in a Map.
// The limit of 20 registrations an hour, which it has by default, is off.
import { clientRegistrationHandler } from "@modelcontextprotocol/sdk/server/auth/handlers/register.js";
import express from "express";

const clients = new Map();
const clientsStore = {
  getClient: (id) => clients.get(id),
  registerClient: (client) => {
    clients.set(client.client_id, client);
    return client;
  },
};

const app = express();
app.get("/readyz", (_request, response) => response.send("ready"));
app.use("/register", clientRegistrationHandler({ clientsStore, rateLimit: false }));
const server = app.listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)) && server.closeAllConnections());
