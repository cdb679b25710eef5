export { closePeriod } from "./close-period.ts";
export { type AccountStatement, accountStatement, storeStatement } from "./statement.ts";
