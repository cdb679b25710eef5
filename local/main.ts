import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { faultLevels } from "./faults.ts";
import { startPlatform } from "./platform.ts";

process.on("unhandledRejection", (reason) => {
  console.error("A promise was rejected and nobody looked:", reason);
  process.exit(1);
});

const root = join(import.meta.dirname, "..");
const seconds = (): string => `${(performance.now() / 1000).toFixed(1).padStart(5)} s`;

try {
  const { values } = parseArgs({
    options: {
      fresh: { type: "boolean", default: false },
      port: { type: "string" },
      data: { type: "string", default: join(root, ".data") },
      assembly: { type: "string" },
      faults: { type: "string", default: "off" },
      seed: { type: "string" },
    },
  });
  const wanted = values.port ?? process.env.PORT ?? "8787";
  const port = Number(wanted);
  if (!/^\d+$/.test(wanted) || port > 65_535)
    throw new Error(`"${wanted}" is no port: set PORT, or --port, to 0 … 65535.`);
  const level = faultLevels.find((one) => one === values.faults);
  if (!level) throw new Error(`"${values.faults}" is no level of faults: --faults takes ${faultLevels.join(", ")}.`);
  if (values.seed !== undefined && !/^\d{1,9}$/.test(values.seed))
    throw new Error(`"${values.seed}" is no seed: --seed takes a whole number of up to nine digits.`);
  const platform = await startPlatform({
    dataDir: values.data,
    port,
    fresh: values.fresh,
    faults: { level, ...(values.seed !== undefined && { seed: Number(values.seed) }) },
    ...(values.assembly !== undefined && { assembly: values.assembly }),
    progress: (line) => console.log(`${seconds()}  ${line}`),
    log: (line) => console.log(line),
  });

  let ending = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (ending) process.exit(1);
      ending = true;
      platform.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      );
    });
  }

  const { url, cognito } = platform;
  const admin = JSON.parse(readFileSync(cognito.adminFile, "utf8")) as { username: string; password: string };
  const moved = platform.clock.offset;
  console.log(`
${seconds()}  ready

  API       ${url}/v1/…   ${url}/ops/v1/…
  docs      ${url}/docs
  controls  ${url}/_local/   (clock, meters, sandbox knobs)
  WeChat    ${platform.sandboxUrl}   (sandbox)
  data      ${relative(process.cwd(), values.data) || "."}   (--fresh starts from nothing)
${Math.abs(moved) > 1000 ? `  clock     ${new Date(platform.clock.now()).toISOString()}, ${Math.round(moved / 1000)} s from real time\n` : ""}${level === "off" ? "" : `  faults    ${level}, seed ${platform.faults.seed}   (${url}/_local/faults)\n`}
  staff sign-in, also in ${relative(process.cwd(), cognito.adminFile)}:
    curl -s ${url}/_local/cognito/oauth2/token -d grant_type=password -d username=${admin.username} -d password=${admin.password}
`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
