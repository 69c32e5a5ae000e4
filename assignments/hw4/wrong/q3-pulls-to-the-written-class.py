# hint: If all is written alike, nothing is learned
def seen_gradient(z, written, F):
    return (np.exp(log_softmax(z)) - np.eye(len(F))[written]) / len(z)
