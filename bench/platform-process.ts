import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startPlatform } from "../local/platform.ts";
import { tableDefinition } from "../local/template.ts";
import { answerParent, cpuMsOf, ownCpuMs } from "./child.ts";

/** What the load generator is told of the platform. */
export interface PlatformFacts {
  url: string;
  sandboxUrl: string;
  gatewayUrl: string;
  endpoint: string;
  tableName: string;
  /** Where the template and its assets are. */
  assembly: string;
  admin: { username: string; password: string };
  memberTokenKeys: string;
  appid: string;
  /** The declared environment of the function that answers members, and a key the gateway lets in for it. */
  shop: { environment: Record<string, string>; accessKey: string };
}

// The embedded default in a process of its own: measured as a whole, or as the outside world of a function that runs elsewhere.
const dataDir = process.env.DATA_DIR!;
const platform = await startPlatform({ dataDir });
const read = (file: string) => JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
const { pid: enginePid } = read(join(dataDir, "engine.json")) as unknown as { pid: number };

const shopFunction = platform.template.byType("AWS::Lambda::Function").find(({ id }) => /^Shop/.test(id))!;
const pass = platform.gateway.admit("AKBENCH", shopFunction.id);
const { Variables } = shopFunction.properties.Environment as { Variables: Record<string, string> };

const facts = (): PlatformFacts => ({
  url: platform.url,
  sandboxUrl: platform.sandboxUrl,
  gatewayUrl: platform.gateway.url,
  endpoint: platform.engine.endpoint,
  tableName: String(tableDefinition(platform.template.byType("AWS::DynamoDB::GlobalTable")[0]!).create.TableName),
  assembly: platform.template.folder,
  admin: read(platform.cognito.adminFile) as PlatformFacts["admin"],
  memberTokenKeys: read(join(dataDir, "secrets.json"))["member-token-keys"]!,
  appid: platform.wechat.config.appid,
  shop: { environment: Variables, accessKey: pass.accessKey },
});

answerParent(
  {
    facts,
    cpu: () => ({ node: ownCpuMs(), engine: cpuMsOf(enginePid) }),
    engineCpu: () => cpuMsOf(enginePid),
    idle: () => platform.idle(),
    /** Nobody reads the stream from here on: what follows is the request's own. */
    endStreams: () => platform.streams.stop(),
  },
  platform.stop,
);
