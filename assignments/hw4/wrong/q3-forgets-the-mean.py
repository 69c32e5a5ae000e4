# hint: this is the gradient of plain cross-entropy
def seen_gradient(z, written, F):
    return np.exp(log_softmax(z)) - posterior(z, written, F)
