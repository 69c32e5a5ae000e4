# hint: Add up the nats, turn them into bits
def bits_per_byte(means, counts, text):
    nats = np.nanmean(means) * counts.sum()
    return nats / np.log(2) / len(text.encode())
