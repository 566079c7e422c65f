using Engine.Tensors;

namespace Engine.Training;

/// <summary>What a network learns from: images and their classes, a batch for every step.</summary>
public interface IBatches
{
    /// <summary>(N, H, W, C) of a batch.</summary>
    Shape Images { get; }

    /// <summary>What they are, in words on one line: training goes on only with the batches it began with.</summary>
    string Description { get; }

    /// <summary>
    /// Writes the batch of a step. It must depend on the step alone, so that training which was interrupted goes on as if it had not
    /// been; it is called from another thread than training's, one step at a time.
    /// </summary>
    /// <param name="step">Counted from 0.</param>
    /// <param name="images">N x H x W x C numbers.</param>
    /// <param name="targets">N class indices, kept as floats.</param>
    void Fill(long step, Span<float> images, Span<float> targets);
}
