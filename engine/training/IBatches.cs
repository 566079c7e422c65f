using Iba.Engine.Tensors;

namespace Iba.Engine.Training;

/// <summary>Training data: images and their classes, one batch per step.</summary>
public interface IBatches
{
    /// <summary>The shape (N, H, W, C) of a batch.</summary>
    Shape Images { get; }

    /// <summary>A description on one line. Training resumes only with batches of the same description.</summary>
    string Description { get; }

    /// <summary>
    /// Writes the batch of a step. It must depend on the step alone, so that interrupted training resumes with the same batches. It is
    /// called from another thread than training's, one step at a time.
    /// </summary>
    /// <param name="step">Counted from 0.</param>
    /// <param name="images">N x H x W x C elements.</param>
    /// <param name="targets">N class indices, stored as floats.</param>
    void Fill(long step, Span<float> images, Span<float> targets);
}
