import type { SFNClient } from "@aws-sdk/client-sfn";
import { toUtc } from "../../../shared/kernel/time.ts";
import type { Workflows } from "../../../shared/kernel/workflows.ts";

/** The two machines on Step Functions; an execution that exists already is the success of an earlier start. */
export function stepFunctions(options: { deadlineMachine: string; refundMachine: string }): Workflows {
  let client: SFNClient | undefined;
  const start = async (stateMachineArn: string, name: string, input: unknown) => {
    const { ExecutionAlreadyExists, SFNClient, StartExecutionCommand } = await import("./client.ts");
    client ??= new SFNClient({ maxAttempts: 3 });
    try {
      await client.send(new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) }));
    } catch (error) {
      if (!(error instanceof ExecutionAlreadyExists)) throw error;
    }
  };
  return {
    startDeadline: (teamId, at) => start(options.deadlineMachine, teamId, { teamId, waitUntil: toUtc(at) }),
    startRefund: (orderId, refundId) => start(options.refundMachine, refundId, { orderId, refundId, round: 0 }),
  };
}
