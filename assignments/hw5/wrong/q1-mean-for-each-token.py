# hint: Add up the nats, turn them into bits, and divide once
def bits_per_byte(means, counts, text):
    full = counts > 0
    nats = (means[full] * counts[full]).sum() / counts.sum()
    return nats / np.log(2)
