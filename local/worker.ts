import "./worker-clock.ts";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerSettings } from "./functions.ts";

// One Lambda execution environment: loads the bundle once, then takes one event at a time.
const { file, exportName, functionName, functionArn, memoryMb } = workerData as WorkerSettings;
const tell = (message: FromWorker) => parentPort!.postMessage(message);

const reason = (error: unknown) =>
  error instanceof Error
    ? { name: error.name, message: error.message, stack: error.stack }
    : { name: "Error", message: typeof error === "string" ? error : JSON.stringify(error) };

try {
  const handler = ((await import(pathToFileURL(file).href)) as Record<string, unknown>)[exportName];
  if (typeof handler !== "function") {
    tell({ kind: "broken", name: "Runtime.HandlerNotFound", message: `${file} exports no function "${exportName}"` });
  } else {
    parentPort!.on("message", async ({ event, requestId, timeoutMs }: ToWorker) => {
      const end = performance.now() + timeoutMs;
      try {
        const result: unknown = await handler(JSON.parse(event), {
          functionName,
          functionVersion: "$LATEST",
          invokedFunctionArn: functionArn,
          memoryLimitInMB: String(memoryMb),
          awsRequestId: requestId,
          logGroupName: `/aws/lambda/${functionName}`,
          logStreamName: `local/[$LATEST]${requestId}`,
          callbackWaitsForEmptyEventLoop: true,
          getRemainingTimeInMillis: () => Math.max(0, Math.round(end - performance.now())),
        });
        tell({ kind: "done", payload: JSON.stringify(result) ?? "null" });
      } catch (error) {
        tell({ kind: "failed", ...reason(error) });
      }
    });
    tell({ kind: "ready" });
  }
} catch (error) {
  tell({ kind: "broken", ...reason(error) });
}
