export { admitStaff } from "./admit-staff.ts";
export { endSession, requireLiveSession } from "./end-session.ts";
export { bindPhone, loadMember, type Profile, readProfile, renameMember } from "./keep-profile.ts";
export { createStaff, updateStaff } from "./keep-staff.ts";
export { logIn, type SignedIn } from "./log-in.ts";
export { type Member, type Role, roles, type Session, type Staff, staff } from "./model.ts";
export type { MemberTokens, TokenStore, WeChatLogin } from "./ports.ts";
export { refreshSession } from "./refresh-session.ts";
