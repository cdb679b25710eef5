export { lookAgain } from "./look-again.ts";
