using System.CommandLine;
using Iba.Datasets;
using Iba.Engine;
using Iba.Evaluation;
using Iba.Images;
using Iba.Reports;

namespace Iba.Cli;

/// <summary>
/// The photos on which an evaluation's methods differ most, with the maps of the methods that do. A ledger holds numbers alone, so the maps are computed again,
/// by the command that made the records.
/// </summary>
internal sealed class DisputedMaps
{
    /// <summary>Photos of each measure whose maps are shown.</summary>
    private const int Pictured = 3;

    private readonly List<(string Title, string Summary, Photo Photo, Dictionary<string, ReportMap> Maps)> _photos = [];
    private readonly List<string> _missing = [];

    /// <summary>Whether it was stopped before the last map.</summary>
    public bool WasStopped { get; private set; }

    /// <summary>What is not shown, and why, a sentence each.</summary>
    public IReadOnlyList<string> Missing => _missing;

    /// <summary>The photos and their maps, a column for each method.</summary>
    public MapReport Report
    {
        get
        {
            string[] columns = [.. _photos.SelectMany(photo => photo.Maps.Keys).Distinct()];
            return new MapReport("", columns, [.. _photos.Select(photo =>
                new ReportRow(photo.Title, photo.Summary, photo.Photo, [.. columns.Select(column => photo.Maps.GetValueOrDefault(column))]))])
            {
                Notes =
                [
                    $"The {Pictured} photos of each measure on which methods differ most, with the maps of the methods with its highest and its lowest value. "
                        + "Maps in bits per pixel have one scale; every other map has its own, because methods have other units: it ends at the 99.5th "
                        + "percentile of the map's magnitudes.",
                ],
            };
        }
    }

    /// <summary>Adds the photos of an evaluation.</summary>
    /// <param name="folder">The full path of its folder.</param>
    /// <param name="network">What the folder holds.</param>
    public void Add(string folder, EvaluatedNetwork network)
    {
        IGrouping<string, Disagreement>[] photos =
        [
            .. EvaluationPage.MostDisputed(network).GroupBy(each => each.Measure).SelectMany(measure => measure.Take(Pictured)).GroupBy(each => each.Photo),
        ];
        if (photos.Length == 0 || WasStopped)
            return;
        try
        {
            (ParseResult recorded, EvaluationOptions options) = EvaluateCommand.Recorded(folder);
            using OpenEvaluation open = options.Open(recorded);
            Add(open, network, photos);
        }
        catch (OperationCanceledException)
        {
            WasStopped = true;
            _missing.Add($"{network.Name}: the command was stopped before all maps were computed.");
        }
        // The evaluation may come from another machine, and its network, statistics or photos may be gone.
        catch (Exception failed) when (failed is IbaException or UsageException or DeviceException or ArgumentException or IOException
            or UnauthorizedAccessException)
        {
            _missing.Add($"{network.Name}: no maps are shown. {Failure.Of(failed).Message}");
        }
    }

    private void Add(OpenEvaluation open, EvaluatedNetwork network, IGrouping<string, Disagreement>[] photos)
    {
        HashSet<string> settings = [.. open.Run().Settings.Select(each => each.Id)];
        ILookup<string, Measurement> records = network.Records.OfType<Measurement>().ToLookup(record => record.Name);
        var read = new List<(IGrouping<string, Disagreement> Disputes, LabelledPhoto Photo, Dictionary<string, ReportMap> Maps)>();
        foreach (IGrouping<string, Disagreement> photo in photos)
        {
            if (Read(open, photo.Key, records[photo.Key].First().Sha256) is { } found)
                read.Add((photo, found, []));
        }
        string[] wanted = [.. photos.SelectMany(photo => photo).SelectMany(each => (string[])[each.Best, each.Worst]).Distinct()];
        try
        {
            Terminal.Progress($"maps of {read.Count} photos", wanted.Length, bar =>
            {
                foreach (string name in wanted)
                {
                    Terminal.Say($"maps of {read.Count} photos: {name}");
                    (IGrouping<string, Disagreement> Disputes, LabelledPhoto Photo, Dictionary<string, ReportMap> Maps)[] by =
                        [.. read.Where(photo => photo.Disputes.Any(each => each.Best == name || each.Worst == name))];
                    bool isTheSame = network.Records.OfType<Measurement>().Any(record => record.Method == name && settings.Contains(record.Settings));
                    if (!isTheSame || open.Methods.FirstOrDefault(method => method.Name == name) is not { } method)
                    {
                        _missing.Add($"{network.Name}: the maps of {name} are not shown, because its settings, its files or this program have changed since.");
                        continue;
                    }
                    using IAttributionMethod explains = method.Create();
                    IEnumerable<Outcome> outcomes = explains.Explain([.. by.Select(each => each.Photo.Sample)], new AttributionRelay(), Interrupt.Token);
                    foreach ((var photo, Outcome outcome) in by.Zip(outcomes))
                    {
                        if (outcome.Explanation is { } map)
                            photo.Maps[method.Title] = new ReportMap(map.Heatmap, Notes(photo.Disputes, name));
                        else
                            _missing.Add($"{photo.Disputes.Key}: no map of {method.Title}. {outcome.Failure!.Reason}.");
                    }
                    bar.Report(Array.IndexOf(wanted, name) + 1);
                }
            }, "methods");
        }
        finally
        {
            _photos.AddRange(read.Where(photo => photo.Maps.Count > 0).Select(photo => (
                $"{photo.Disputes.Key}, {network.Name}",
                string.Join(" ", photo.Disputes.Select(each =>
                    $"{each.Measure}: {HtmlPage.Number(each.Highest, "G3")} by {each.Best}, {HtmlPage.Number(each.Lowest, "G3")} by {each.Worst}.")),
                photo.Photo.Photo.Input.Crop, photo.Maps)));
        }
    }

    /// <summary>The photo of some records; null where it is not what it was, which is noted.</summary>
    private LabelledPhoto? Read(OpenEvaluation open, string name, string sha256)
    {
        try
        {
            foreach (ImageFile file in open.Photos.Named(name))
            {
                var bytes = PhotoFile.Open(file.Path, Interrupt.Token);
                if (bytes.Sha256 == sha256)
                    return open.Photos.Read(file, bytes, Interrupt.Token);
                _missing.Add($"{name}: not shown, its file is another one than when it was evaluated.");
                return null;
            }
            _missing.Add($"{name}: not shown, the photo is no longer where the evaluation found it.");
        }
        catch (Exception failed) when (failed is ImageException or DatasetException)
        {
            _missing.Add($"{name}: not shown. {failed.Message}");
        }
        return null;
    }

    private static string Notes(IEnumerable<Disagreement> disputes, string method) => string.Join("; ",
        from each in disputes
        where each.Best == method || each.Worst == method
        select $"{each.Measure} {HtmlPage.Number(each.Best == method ? each.Highest : each.Lowest, "G3")}");
}
