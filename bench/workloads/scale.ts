/** The size of workloads: as the tables state it, or just large enough to check that the bench counts correctly. */
export interface Scale {
  readonly isSmoke: boolean
}
