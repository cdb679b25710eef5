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
  requireMember,
} from "./keep-community.ts";
export type { Community, Membership } from "./model.ts";
