using Iba.Engine.Tensors;
using Iba.Engine.Training;

namespace Iba.Shapes.Training;

/// <summary>
/// Batches of the shapes data set for training: every epoch has a random order, and every image a random crop in one of the square's eight
/// orientations. Everything is determined by seed and step.
/// </summary>
/// <param name="source">The images.</param>
/// <param name="size">Rows and columns of the network's input.</param>
/// <param name="batch">Images per step.</param>
/// <param name="seed">The seed of order, crop and orientation.</param>
public sealed class ShapesBatches(ShapesImages source, int size, int batch, int seed) : IBatches
{
    private readonly ShapesCrops _crops = new(source, size);
    private int[] _order = [];
    private long _orderOf = -1;

    /// <inheritdoc/>
    public Shape Images => new(batch, size, size, 3);

    /// <inheritdoc/>
    public string Description => $"{source.Description}, in batches {Images}, seed {seed}";

    /// <summary>Steps per epoch; images that do not fill a last batch are dropped.</summary>
    public long StepsPerEpoch => source.Count / batch;

    /// <inheritdoc/>
    public void Fill(long step, Span<float> images, Span<float> targets)
    {
        (long epoch, long place) = Math.DivRem(step, StepsPerEpoch);
        if (epoch != _orderOf)
            (_order, _orderOf) = (Order(epoch), epoch);
        Random random = Generator(step);
        int row = Images.Row;
        for (int n = 0; n < batch; n++)
        {
            int index = _order[place * batch + n];
            targets[n] = ShapesDataset.Label(index);
            _crops.Read(
                index, images.Slice(n * row, row),
                left: random.Next(_crops.Margin + 1), top: random.Next(_crops.Margin + 1), position: random.Next(8));
        }
    }

    private int[] Order(long epoch)
    {
        int[] order = [.. Enumerable.Range(0, source.Count)];
        Generator(~epoch).Shuffle(order);
        return order;
    }

    /// <summary>
    /// A generator for a step or epoch, whose number may be negative. Its 32-bit seed depends on every bit of seed and number. .NET's seeded
    /// generator gives the same values on every platform.
    /// </summary>
    private Random Generator(long number) => new((int)SplitMix.Mix(((ulong)(uint)seed << 32) ^ (ulong)number));
}
