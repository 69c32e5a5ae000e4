# hint: An empty batch in the log
def bits_per_byte(means, counts, text):
    return (means * counts).sum() / np.log(2) / len(text.encode())
