namespace Iba;

/// <summary>The progress of a batch.</summary>
/// <param name="ImagesDone">Images finished.</param>
/// <param name="Images">Total images.</param>
/// <param name="Step">Steps done of the images in progress.</param>
/// <param name="Steps">Total steps of each image.</param>
/// <param name="Note">An optional one-line message for the user.</param>
public readonly record struct AttributionProgress(int ImagesDone, int Images, int Step, int Steps, string? Note = null)
{
    /// <summary>The device is out of memory, and the work continues in smaller batches.</summary>
    internal static AttributionProgress Halved(int imagesDone, int images, int left, string what = "images") =>
        new(imagesDone, images, 0, 1, $"the device's memory is full: going on with {left} {what} at a time, with the same results.");
}
