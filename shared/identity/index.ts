export { admitStaff } from "./admit-staff.ts";
export { endSession, requireLiveSession } from "./end-session.ts";
export { bindPhone, type Profile, readProfile, renameMember } from "./keep-profile.ts";
export { createStaff, staffWrites, updateStaff } from "./keep-staff.ts";
export { logIn } from "./log-in.ts";
export { type Role, roles, type Staff } from "./model.ts";
export type { WeChatLogin } from "./ports.ts";
export { refreshSession } from "./refresh-session.ts";
export { shortNames } from "./short-names.ts";
