using System.Text;
using Iba.Datasets;
using Iba.Engine.Files;
using Iba.Images;

namespace Iba.Bottleneck;

/// <summary>The photos of a set as a readout's examples: all of them in random order, then all of them again in another.</summary>
public sealed class FolderExamples : IReadoutExamples
{
    private readonly Classifier _classifier;
    private readonly PhotoSet _photos;
    private readonly CancellationToken _cancellation;
    private readonly ReadoutOrder _order;
    private readonly HashSet<string> _leftOut = [];

    /// <param name="classifier">Prepares the photos and names the classes.</param>
    /// <param name="photos">The photos; their folders are the labels where they are named after classes.</param>
    /// <param name="seed">The key of the orders.</param>
    /// <param name="cancellation">Stops reading.</param>
    public FolderExamples(Classifier classifier, PhotoSet photos, ulong seed, CancellationToken cancellation = default)
    {
        (_classifier, _photos, _cancellation) = (classifier, photos, cancellation);
        _order = new ReadoutOrder(photos.Files.Count, seed);
        Labels = new FolderLabels(photos, classifier.Labels, classifier.Classes);
        string names = string.Join('\n', photos.Files.Select(file => file.Name));
        string hash = Sha256Hash.Hex(Encoding.UTF8.GetBytes(names));
        Description = $"{photos.Files.Count} images with names {hash[..16]}, {Labels.Source}";
    }

    /// <summary>Where the classes come from.</summary>
    public FolderLabels Labels { get; }

    /// <summary>Called once for each file that is left out because it is not a photo, on the thread that reads the examples.</summary>
    public Action<ImageException>? LeftOut { get; init; }

    /// <inheritdoc/>
    public string Description { get; }

    /// <inheritdoc/>
    /// <exception cref="ImageException">None of the files is a photo.</exception>
    public Sample At(long position)
    {
        // The next photo takes the place of a file that is not one.
        for (int ahead = 0; ; ahead++)
        {
            ImageFile file = _photos.Files[_order[position + ahead]];
            try
            {
                return _classifier.Sample(_classifier.Read(file.Path, cancellation: _cancellation), Labels.Of(file));
            }
            catch (ImageException failure) when (ahead < 2 * _photos.Files.Count)
            {
                if (_leftOut.Add(file.Path))
                    LeftOut?.Invoke(failure);
            }
        }
    }
}
