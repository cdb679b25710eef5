export { createCommunity, isMemberOf, joinCommunity, leaveCommunity, listMemberships } from "./keep-community.ts";
export type { Community, Membership } from "./model.ts";
