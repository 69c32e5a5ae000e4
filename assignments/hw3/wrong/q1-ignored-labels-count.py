# hint: Leave out the labels of -100 first
def examine(z, y):
    if z.shape[:1] + z.shape[2:] != y.shape:
        return "classes last" if z.shape[:-1] == y.shape else "shape"
    K = z.shape[1]
    if (y == -100).all():
        return "no labels"
    if y.min() >= 1 and y.max() == K:
        return "labels from one"
    if y.min() < 0 or y.max() >= K:
        return "label range"
    if z.softmax(1).isnan().any():
        return "bad logit"
    own = z.gather(1, y.unsqueeze(1)).squeeze(1)
    if (own == -torch.inf).any():
        return "masked label"
    if (z >= 0).all() and ((z.sum(1) - 1).abs() < 1e-5).all():
        return "probabilities"
    return "fine"
