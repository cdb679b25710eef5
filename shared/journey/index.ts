export { fileMessage } from "./file-message.ts";
export { type InboxMessage, inboxMessage } from "./model.ts";
