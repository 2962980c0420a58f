// node-oidc-provider with dynamic registration, as its documentation starts it, on its own in-memory adapter. The adapter keeps
// the last 1,000 entries. The scopes are those that shipping MCP clients ask for; without them it refuses most.
import Provider from "oidc-provider";

const port = Number(process.argv[2]);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  features: { registration: { enabled: true } },
  scopes: ["openid", "offline_access", "mcp:read", "mcp:tools", "mcp:prompts", "mcp:resources"],
});
provider.use(async (context, next) => {
  if (context.path === "/readyz") context.body = "ready";
  else await next();
});
const server = provider.listen(port, "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)) && server.closeAllConnections());
