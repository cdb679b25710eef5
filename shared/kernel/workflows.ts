/** Starts the long-running processes. A start under a name that was used before is a success: nothing starts twice. */
export interface Workflows {
  /** One execution a team, named by it; wakes at `at` (epoch ms) first. */
  startDeadline(teamId: string, at: number): Promise<void>;
  /** One execution that watches until an order which is to be brought is packed, and one that brings it each time it is sent. */
  startPreparation(orderId: string): Promise<void>;
  startDelivery(orderId: string, attempt: number): Promise<void>;
  /** One execution a claim (the order as id), or a recall whose goods are compensated. */
  startCompensation(task: "claim" | "recall", id: string): Promise<void>;
  /** One execution a refund, named by it. */
  startRefund(orderId: string, refundId: string): Promise<void>;
}
