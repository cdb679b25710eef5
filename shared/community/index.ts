export {
  createCommunity,
  giveRole,
  isMemberOf,
  joinCommunity,
  leaveCommunity,
  listMembers,
  listMemberships,
  loadCommunity,
  requireLeader,
} from "./keep-community.ts";
export type { Community, Membership } from "./model.ts";
