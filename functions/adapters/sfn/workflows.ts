import { toUtc } from "../../../shared/kernel/time.ts";
import type { Workflows } from "../../../shared/kernel/workflows.ts";
import { type AwsCall, AwsRefusal } from "../aws/json-client.ts";

/** The machines on Step Functions; an execution that exists already is the success of an earlier start. */
export function stepFunctions(options: {
  deadlineMachine: string;
  refundMachine: string;
  fulfilmentMachine: string;
  compensationMachine: string;
  call: AwsCall;
}): Workflows {
  const start = async (stateMachineArn: string, name: string, input: unknown) => {
    try {
      await options.call("StartExecution", { stateMachineArn, name, input: JSON.stringify(input) });
    } catch (error) {
      if (!(error instanceof AwsRefusal && error.name === "ExecutionAlreadyExists")) throw error;
    }
  };
  return {
    startDeadline: (teamId, at) => start(options.deadlineMachine, teamId, { teamId, waitUntil: toUtc(at) }),
    startPreparation: (orderId) => start(options.fulfilmentMachine, `${orderId}-prepare`, { task: "prepare", orderId }),
    startDelivery: (orderId, attempt) =>
      start(options.fulfilmentMachine, `${orderId}-${attempt}`, { task: "bring", orderId }),
    startCompensation: (task, id) => start(options.compensationMachine, id, { task, id }),
    startRefund: (orderId, refundId) => start(options.refundMachine, refundId, { orderId, refundId, round: 0 }),
  };
}
