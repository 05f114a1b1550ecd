export const descriptions = {
  user: "One's own account, or, for admins, any: NOT_FOUND when there is none. Anyone else's is FORBIDDEN.",

  createUser:
    'Makes an account; open to anyone. CONFLICT when the e-mail address is taken. It logs nobody in: `login` does.',

  deleteMe:
    "Deletes the caller's account and ends its sessions. CONFLICT for the last admin. Answers with it as it was last.",

  updateUser:
    "Changes one's own account, or, for admins, any. CONFLICT when the e-mail address is taken or nobody would be left to be an admin; NOT_FOUND when there is no such user, and FORBIDDEN to anyone but an admin.",

  adminUpdateUser: "The same as `updateUser`, for admins alone: FORBIDDEN to anyone else, for one's own account too.",

  deleteUser:
    "Deletes one's own account, or, for admins, any, and ends its sessions. NOT_FOUND when there is no such user, and FORBIDDEN to anyone but an admin; CONFLICT for the last admin.",

  adminCreateUser: 'The same as `createUser`, for admins alone, who may set any field. FORBIDDEN to anyone else.',

  adminDeleteUser:
    "The same as `deleteUser`, for admins alone: FORBIDDEN to anyone else, for one's own account too. `restoreUser` brings it back.",

  suspendUser:
    'Suspends an account and ends its sessions: it is refused everything until `reinstateUser`. For admins; CONFLICT for the last of them.',

  restoreUser:
    'Brings a deleted account back, active, with all that it had but its sessions. For admins. CONFLICT when its e-mail address was taken meanwhile; an account that is not deleted stays as it is.',
} as const;
