/** Keeps a chip at the state of a stream, in its own words. */
export function watch (chip, stream) {
  const show = ({ state }) => {
    chip.textContent = state
    chip.dataset.state = state
  }
  stream.onStatus(show)
  show(stream.status)
}
