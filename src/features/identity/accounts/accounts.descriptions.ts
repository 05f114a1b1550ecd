const OWN_CHANGE =
  "A new password or e-mail address of one's own is told by mail to the address from before, with a link that undoes it; while a second factor is on, it needs `code`: BAD_USER_INPUT without, RATE_LIMITED after too many tries. `changePassword` and `changeEmail` are the recommended way.";

export const descriptions = {
  user: "One's own account, or, for admins, any: NOT_FOUND when there is none. Anyone else's is FORBIDDEN.",

  createUser:
    'Makes an account; open to anyone, unless the operator closed sign-up: FORBIDDEN `Sign-up is closed`, or `Sign-up needs an invitation`; BAD_USER_INPUT `Invalid invitation` when it is unknown, used up, expired, revoked or for another address. CONFLICT when the e-mail address is taken; RATE_LIMITED after too many from a client, and UNAVAILABLE, both with `retryAfter` in seconds, when too many passwords are being hashed at once. It logs nobody in: `login` does.',

  updateMe: `Changes the caller's account. CONFLICT when the e-mail address is taken. ${OWN_CHANGE}`,

  deleteMe:
    "Deletes the caller's account and ends its sessions. CONFLICT for the last admin. Answers with it as it was last.",

  updateUser: `Changes one's own account, or, for admins, any. CONFLICT when the e-mail address is taken or nobody would be left to be an admin; NOT_FOUND when there is no such user, and FORBIDDEN to anyone but an admin. ${OWN_CHANGE}`,

  adminUpdateUser: "The same as `updateUser`, for admins alone: FORBIDDEN to anyone else, for one's own account too.",

  deleteUser:
    "Deletes one's own account, or, for admins, any, and ends its sessions. NOT_FOUND when there is no such user, and FORBIDDEN to anyone but an admin; CONFLICT for the last admin.",

  adminCreateUser: 'The same as `createUser`, for admins alone, who may set any field. FORBIDDEN to anyone else.',

  adminDeleteUser:
    "The same as `deleteUser`, for admins alone: FORBIDDEN to anyone else, for one's own account too. `restoreUser` brings it back.",

  suspendUser:
    'Suspends an account and ends its sessions: it is refused everything until `reinstateUser`. For admins; CONFLICT for the last of them.',

  restoreUser:
    'Brings a deleted account back, active, with all that it had but its sessions and personal access tokens. For admins. CONFLICT when its e-mail address was taken meanwhile; an account that is not deleted stays as it is.',
} as const;
