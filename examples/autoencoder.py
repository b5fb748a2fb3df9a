import torch
from torch import nn

from shared import init_weights, uniform


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 3))
        self.decoder = nn.Sequential(
            nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 36), nn.Sigmoid()
        )

    def forward(self, x):
        return self.decoder(self.encoder(x))


def main():
    codes = uniform(1, 48, 2)
    images = torch.sigmoid(4 * (codes @ uniform(2, 2, 36)))

    model = Autoencoder()
    init_weights(model)
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, amsgrad=True)

    losses = []
    for step in range(20):
        loss = criterion(model(images), images)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
