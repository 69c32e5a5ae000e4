# hint: Try logits in the thousands
def seen_loss(z, written, F):
    if np.abs(F.sum(axis=1) - 1).max() > 1e-9:
        raise ValueError("rows of F must sum to one")
    seen = np.exp(log_softmax(z)) @ F
    return -np.log(seen[np.arange(len(z)), written]).mean()
