# hint: Where tokens count, both have the type of z
def token_loss(z, labels):
    keep = labels != -100
    if not keep.any():
        return z.new_zeros(()), torch.zeros_like(z)
    leaf = z.detach().double().requires_grad_()
    loss = F.cross_entropy(leaf[keep], labels[keep])
    loss.backward()
    return loss.detach(), leaf.grad
