export const descriptions = {
  changePlan:
    "Changes the caller's plan. A smaller plan is refused with QUOTA_EXCEEDED while the caller has more conversations or files, or has used more today, than it allows; an unknown one with BAD_USER_INPUT `Invalid plan`.",
} as const;
