export const descriptions = {
  auditEvents:
    'What was done to accounts and by whom, newest first: the events that every argument fits. For admins: FORBIDDEN to anyone else.',
} as const;
