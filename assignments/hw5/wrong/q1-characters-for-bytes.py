# hint: 170 characters and 190 bytes
def bits_per_byte(means, counts, text):
    full = counts > 0
    return (means[full] * counts[full]).sum() / np.log(2) / len(text)
