export { readCommissionProgramme, setCommissionProgramme } from "./programme.ts";
