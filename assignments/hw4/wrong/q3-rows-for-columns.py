# hint: Which index of F is the true class
def seen_loss(z, written, F):
    if np.abs(F.sum(axis=1) - 1).max() > 1e-9:
        raise ValueError("rows of F must sum to one")
    q = np.exp(log_softmax(z))
    return -np.log((q * F[written]).sum(axis=1)).mean()
