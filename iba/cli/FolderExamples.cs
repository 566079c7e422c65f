using System.Security.Cryptography;
using System.Text;
using Iba.Bottleneck;
using Iba.Datasets;
using Iba.Images;

namespace Iba.Cli;

/// <summary>The photos of a folder as a readout meets them: all of them in random order, then again in another.</summary>
internal sealed class FolderExamples : IReadoutExamples
{
    private readonly LoadedNetwork _loaded;
    private readonly PhotoSet _photos;
    private readonly ReadoutOrder _order;
    private readonly FolderLabels _labels;
    private readonly HashSet<string> _passedOver = [];

    public FolderExamples(LoadedNetwork loaded, PhotoSet photos, ulong seed)
    {
        (_loaded, _photos) = (loaded, photos);
        _order = new ReadoutOrder(photos.Files.Count, seed);
        _labels = new FolderLabels(loaded, photos);
        string names = string.Join('\n', photos.Files.Select(file => file.Name));
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(names)));
        Description = $"{photos.Files.Count} images with names {hash[..16]}, {Labels}";
    }

    /// <summary>Where the classes come from, in words.</summary>
    public string Labels => _labels.Source;

    public string Description { get; }

    /// <summary>A file that is no image is named once and its place taken by the next one that is.</summary>
    public Sample At(long position)
    {
        for (int ahead = 0; ; ahead++)
        {
            ImageFile file = _photos.Files[_order[position + ahead]];
            try
            {
                return _loaded.Sample(_loaded.Read(file.Path).Input, _labels.Of(file));
            }
            catch (ImageException failure) when (ahead < 2 * _photos.Files.Count)
            {
                if (_passedOver.Add(file.Path))
                    Terminal.Warn($"passed over: {failure.Message}");
            }
        }
    }
}
