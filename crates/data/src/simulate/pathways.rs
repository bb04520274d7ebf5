//! The pathways of the simulated world: real names and genes, so that results read like results.

/// Twelve pathways of twenty genes each; no gene is in two.
#[rustfmt::skip]
pub(super) const PATHWAYS: [(&str, [&str; 20]); 12] = [
    ("MAPK_SIGNALING", [
        "EGFR", "KRAS", "BRAF", "RAF1", "MAP2K1", "MAP2K2", "MAPK1", "MAPK3", "DUSP4", "DUSP6", "SPRY2", "SPRY4",
        "SPRED1", "ETV4", "ETV5", "EPHA2", "FOSL1", "PHLDA1", "CCND1", "IER3",
    ]),
    ("PI3K_AKT_MTOR_SIGNALING", [
        "PIK3CA", "PIK3R1", "AKT1", "AKT2", "MTOR", "RPTOR", "RICTOR", "PTEN", "TSC1", "TSC2", "RHEB", "RPS6KB1",
        "EIF4EBP1", "PDPK1", "INPP4B", "IRS1", "IRS2", "SGK1", "DDIT4", "FOXO3",
    ]),
    ("CELL_CYCLE", [
        "MKI67", "TOP2A", "CCNB1", "CCNB2", "CCNA2", "CDK1", "CDC20", "BUB1", "BUB1B", "AURKA", "AURKB", "PLK1",
        "UBE2C", "BIRC5", "CENPA", "CENPE", "KIF11", "TPX2", "MCM2", "PCNA",
    ]),
    ("P53_PATHWAY", [
        "TP53", "CDKN1A", "MDM2", "MDM4", "BAX", "BBC3", "FAS", "GADD45A", "SESN1", "SESN2", "ZMAT3", "RRM2B",
        "TP53INP1", "PLK3", "BTG2", "CCNG1", "DDB2", "XPC", "TNFRSF10B", "FDXR",
    ]),
    ("APOPTOSIS", [
        "BCL2", "BCL2L1", "BCL2L11", "MCL1", "BAK1", "BID", "BIK", "BMF", "CASP3", "CASP7", "CASP8", "CASP9", "APAF1",
        "DIABLO", "XIAP", "BIRC2", "BIRC3", "CFLAR", "FADD", "TRADD",
    ]),
    ("EPITHELIAL_MESENCHYMAL_TRANSITION", [
        "VIM", "FN1", "CDH2", "ZEB1", "ZEB2", "SNAI1", "SNAI2", "TWIST1", "SPARC", "COL1A1", "COL1A2", "COL3A1",
        "COL5A1", "TGFBI", "SERPINE1", "TAGLN", "LOX", "THY1", "AXL", "MMP2",
    ]),
    ("HYPOXIA", [
        "VEGFA", "CA9", "ADM", "ANKRD37", "BNIP3", "EGLN3", "NDRG1", "KDM3A", "P4HA1", "P4HA2", "MXI1", "ERO1A",
        "INSIG2", "STC2", "PFKFB3", "PFKFB4", "FAM162A", "AK4", "LOXL2", "ANGPTL4",
    ]),
    ("GLYCOLYSIS", [
        "SLC2A1", "HK1", "HK2", "GPI", "PFKL", "PFKM", "PFKP", "ALDOA", "ALDOC", "TPI1", "GAPDH", "PGK1", "PGAM1",
        "ENO1", "ENO2", "PKM", "LDHA", "LDHB", "SLC16A1", "SLC16A3",
    ]),
    ("OXIDATIVE_PHOSPHORYLATION", [
        "NDUFA1", "NDUFA4", "NDUFB3", "NDUFB8", "NDUFS1", "NDUFS2", "SDHA", "SDHB", "SDHC", "UQCRB", "UQCRC1", "UQCRC2",
        "CYC1", "COX4I1", "COX5A", "COX6C", "COX7B", "ATP5F1A", "ATP5F1B", "ATP5PB",
    ]),
    ("INTERFERON_RESPONSE", [
        "STAT1", "STAT2", "IRF1", "IRF7", "IRF9", "ISG15", "ISG20", "IFI6", "IFI27", "IFI35", "IFI44", "IFI44L", "IFIT1",
        "IFIT2", "IFIT3", "MX1", "MX2", "OAS1", "OAS2", "BST2",
    ]),
    ("CHOLESTEROL_HOMEOSTASIS", [
        "HMGCR", "HMGCS1", "LDLR", "SQLE", "LSS", "FDFT1", "FDPS", "IDI1", "MVD", "MVK", "PMVK", "DHCR7", "DHCR24",
        "SC5D", "CYP51A1", "NSDHL", "MSMO1", "INSIG1", "SREBF2", "STARD4",
    ]),
    ("XENOBIOTIC_METABOLISM", [
        "ABCB1", "ABCC1", "ABCC2", "ABCC3", "ABCG2", "NQO1", "GSTP1", "GSTM1", "GSTA1", "UGT1A6", "CYP1A1", "CYP1B1",
        "CYP3A4", "AKR1B10", "AKR1C1", "AKR1C2", "AKR1C3", "TXNRD1", "GCLM", "ALDH3A1",
    ]),
];
