/** When a process ends: at the `at`th call whose name matches, before it is carried out or after that, unanswered. */
export interface Cut {
  calls: RegExp;
  at: number;
  when: "before" | "after";
}

/**
 * Sees every call that the functions make to the outside, to the table, to another AWS service or to WeChat, and ends this
 * process (SIGKILL, as a power cut would) at one of them. For tests of what is left then: `POST /_local/power-cut`.
 */
export interface PowerCut {
  /** Counts anew; with `at`, this process ends there. */
  arm(cut: { calls: RegExp } & Partial<Cut>): void;
  /** Names of the matching calls since it was armed. */
  seen(): string[];
  /**
   * Notes a call before it is carried out; what it answers is to be called when it was carried out. A name is the event its
   * caller works on and what is asked: `states Settle: dynamodb TransactWriteItems`, or `wechat: refund`.
   */
  pass(name: string): () => void;
}

export function createPowerCut(): PowerCut {
  let armed: ({ calls: RegExp } & Partial<Cut>) | undefined;
  let seen: string[] = [];
  return {
    arm(cut) {
      armed = cut;
      seen = [];
    },
    seen: () => seen,
    pass(name) {
      if (!armed?.calls.test(name)) return () => {};
      const { at, when } = armed;
      const here = seen.push(name) === at;
      const end = (moment: Cut["when"]) => {
        if (here && when === moment) process.kill(process.pid, "SIGKILL");
      };
      end("before");
      return () => end("after");
    },
  };
}
