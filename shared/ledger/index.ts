export { booked } from "./book-transfer.ts";
export { closeDays } from "./close-day.ts";
export {
  type Bookings,
  type DayBook,
  type LedgerAccount,
  type LedgerCursor,
  type LedgerPeriod,
  type StoreDay,
  type Transfer,
  type TransferKind,
  transferKind,
} from "./model.ts";
