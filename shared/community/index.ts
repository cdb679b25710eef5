export { createCommunity, isMemberOf, joinCommunity, leaveCommunity, listMemberships } from "./keep-community.ts";
export { type Community, community, type Membership, membership } from "./model.ts";
