const WORDS = ['connecting', 'open', 'closed']

/** Writes the state of a stream onto its chip, in the words of `readyState`. */
export function showState (chip, readyState) {
  const word = WORDS[readyState]
  if (chip.textContent === word) return
  chip.textContent = word
  chip.dataset.state = word
}

/** Keeps a chip at the state of an EventSource, for as long as that lives. */
export function watch (chip, source) {
  const show = () => showState(chip, source.readyState)
  source.addEventListener('open', show)
  source.addEventListener('error', show)
  show()
}
