/** How large workloads are: as the tables state them, or just large enough to see that the bench counts right. */
export interface Scale {
  readonly isSmoke: boolean
}
