# hint: Yours can still be improved
def estimate(z, old, steps):
    return np.exp(log_softmax(z)).mean(axis=0)
