export { type Address, addressOf, keepAddress, readAddresses, removeAddress } from "./keep-address.ts";
