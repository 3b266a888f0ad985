/** Shows the state of a stream in a chip, and updates it at each change. */
export function watch (chip, stream) {
  const show = ({ state }) => {
    chip.textContent = state
    chip.dataset.state = state
  }
  stream.onStatus(show)
  show(stream.status)
}
