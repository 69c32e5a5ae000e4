# hint: turn them into bits, and divide once
def bits_per_byte(means, counts, text):
    full = counts > 0
    return (means[full] * counts[full]).sum() / len(text.encode())
