export { accountChanged, accountOf, readAccount } from "./account.ts";
export { accrueCommissions } from "./accrue.ts";
export { commissionLifecycle } from "./lifecycle.ts";
export { type Commission, type CommissionAccount, type CommissionProgramme, commissionRule } from "./model.ts";
export { awaitRelease, releaseCommissions } from "./release.ts";
export { takeBack } from "./take-back.ts";
