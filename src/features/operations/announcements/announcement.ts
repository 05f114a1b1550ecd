export const ANNOUNCEMENT_LEVELS = ['INFO', 'WARNING', 'CRITICAL'] as const;
export type AnnouncementLevel = (typeof ANNOUNCEMENT_LEVELS)[number];

export const MAX_ANNOUNCEMENT_LENGTH = 1_000;
/** How far away the times of an announcement may be. */
export const MAX_DAYS = 366;
/** How many announcements there may be at a time that have not ended, which is the most that anyone reads. */
export const MAX_OPEN = 50;

export type AnnouncementState = 'SCHEDULED' | 'CURRENT' | 'ENDED';

/** What an operator tells everyone. */
export interface AnnouncementRow {
  readonly id: string;
  readonly text: string;
  readonly level: AnnouncementLevel;
  readonly startsAt: Date;
  /** Null until someone ends it. */
  readonly endsAt: Date | null;
  /** When it was read. */
  readonly state: AnnouncementState;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface NewAnnouncement {
  readonly text: string;
  /** INFO by default. */
  readonly level?: AnnouncementLevel | undefined;
  /** Now by default. */
  readonly startsAt?: Date | null | undefined;
  readonly endsAt?: Date | null | undefined;
}

/** Fields that are absent stay as they are. */
export interface AnnouncementChanges {
  readonly text?: string | undefined;
  readonly level?: AnnouncementLevel | undefined;
  readonly startsAt?: Date | undefined;
  /** Null for no end. */
  readonly endsAt?: Date | null | undefined;
}
