export { keepHome, readHome } from "./keep-home.ts";
export { type HomePage, homeBlock, mostNamed } from "./model.ts";
export { type ShownBlock, showHome } from "./show-home.ts";
