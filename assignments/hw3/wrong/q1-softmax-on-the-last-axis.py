# hint: Take the softmax along axis 1
def examine(z, y):
    if z.shape[:1] + z.shape[2:] != y.shape:
        return "classes last" if z.shape[:-1] == y.shape else "shape"
    K = z.shape[1]
    labels = y[y != -100]
    if len(labels) == 0:
        return "no labels"
    if labels.max() == K and labels.min() >= 1:
        return "labels from one"
    if labels.max() >= K or labels.min() < 0:
        return "label range"
    if z.softmax(-1).isnan().any():
        return "bad logit"
    own = z.gather(1, y.clamp(min=0).unsqueeze(1)).squeeze(1)
    if (own[y != -100] == -torch.inf).any():
        return "masked label"
    if (z >= 0).all() and ((z.sum(1) - 1).abs() < 1e-5).all():
        return "probabilities"
    return "fine"
